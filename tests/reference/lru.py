"""Orvieto et al. 2023, section 3, in complex numbers."""

import numpy as np


def run(weights, sequence, real, imaginary):
    """`weights` holds nu_log, theta_log, gamma_log, and complex B and C, and D."""
    eigenvalues = np.exp(-np.exp(weights["nu"]) + 1j * np.exp(weights["theta"]))
    B = np.diag(np.exp(weights["gamma"])) @ weights["B"]
    x = np.array(real) + 1j * np.array(imaginary)
    outputs = []
    for u in sequence:
        x = np.diag(eigenvalues) @ x + B @ u
        outputs.append((weights["C"] @ x).real + weights["D"] @ u)
    return outputs, (x.real, x.imag)
