"""The word "namaskar": a recurrent network learns which letter comes next.

Six letters are the whole alphabet. Each letter enters as a one among zeros; an Elman cell
carries what it has read from step to step; the loop over the letters is written out, so that
the unrolled network stands before your eyes. Run it with: python examples/namaskar.py
"""

import torch
import torch.nn.functional as F

from elman.cells import ElmanCell

WORD = "namaskar"
ALPHABET = sorted(set(WORD))  # a k m n r s

torch.manual_seed(1)
cell = ElmanCell(input_size=len(ALPHABET), hidden_size=8)
readout = torch.nn.Linear(8, len(ALPHABET))
optimizer = torch.optim.Adam([*cell.parameters(), *readout.parameters()], lr=0.02)

letters = torch.tensor([ALPHABET.index(letter) for letter in WORD])
inputs = F.one_hot(letters[:-1], len(ALPHABET)).float()  # n a m a s k a
targets = letters[1:]  # a m a s k a r


def unrolled():
    """Run the cell over the word; return the scores of the next letter at each step."""
    state = cell.initial_state(batch_size=1)
    scores = []
    for letter in inputs:  # one time step after the other
        output, state = cell.step(cell.project(letter.unsqueeze(0)), state)
        scores.append(readout(output))
    return torch.cat(scores)  # [time, alphabet]


for epoch in range(201):
    scores = unrolled()
    loss = F.cross_entropy(scores, targets)
    optimizer.zero_grad()
    loss.backward()  # back through every step: backpropagation through time
    optimizer.step()
    if epoch % 50 == 0:
        guess = "".join(ALPHABET[i] for i in scores.argmax(dim=1))
        print(f"epoch {epoch:3}  loss {loss:.3f}  n -> {guess}")

print("\nstep  reads  expects  probability")
for step, probabilities in enumerate(F.softmax(unrolled(), dim=1)):
    best = probabilities.argmax()
    print(f"{step:4}  {WORD[step]:>5}  {ALPHABET[best]:>7}  {probabilities[best]:11.2f}")
