"""The processor that code is made for: its vector width, object code for it, and loading that."""

import itertools
import os
import platform
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import binding, ir

LANES_VARIABLE = "ELMAN_LANES"
"""Environment variable that forces narrower vectors than the processor has: 8 or 4 lanes."""

# Instruction sets that imply AVX; AVX's own all begin with its name.
_NEED_AVX = {"f16c", "fma", "fma4", "sha512", "sm3", "sm4", "vaes", "vpclmulqdq", "xop"}

binding.initialize_native_target()
binding.initialize_native_asmprinter()

_loading = threading.Lock()
_library_numbers = itertools.count()


@dataclass(frozen=True)
class Host:
    """A processor as the code generator sees it.

    Args:
        cpu: LLVM's name of the processor.
        features: LLVM's feature string, such as `+avx2,-avx512f`.
        lanes: float32 numbers in a vector: 16 with AVX-512, 8 with AVX2, 4 otherwise.
        registers: vector registers.
        has_fma: whether a multiply and an add are one instruction.
        has_bfloat16: whether bfloat16 dot products are instructions (AVX512-BF16).
    """

    cpu: str
    features: str
    lanes: int
    registers: int
    has_fma: bool
    has_bfloat16: bool


def host() -> Host:
    """Describe this machine, or a narrower one if the variable `ELMAN_LANES` says 8 or 4.

    Returns:
        The target that code is made for.

    Raises:
        ValueError: `ELMAN_LANES` is neither 16, 8 nor 4.
    """
    wanted = os.environ.get(LANES_VARIABLE, "16")
    if wanted not in ("16", "8", "4"):
        raise ValueError(f"{LANES_VARIABLE} must be 16, 8 or 4, got {wanted!r}.")
    return _host(int(wanted))


def compile_module(module: ir.Module | str, host: Host | None = None) -> bytes:
    """Turn LLVM IR into object code.

    No optimisation pass runs on the IR: the code generator alone, at its highest level, gives
    code that is as fast here and is ready three times sooner.

    Args:
        module: the module, or its text; its triple and data layout are those of this machine
            whatever it says.
        host: the processor to compile for; this one if not given.

    Returns:
        An object file for `Library.from_object`.

    Raises:
        RuntimeError: the IR is wrong.
    """
    machine = _target_machine(host or _current_host())
    parsed = binding.parse_assembly(str(module))
    parsed.triple = machine.triple
    parsed.data_layout = str(machine.target_data)
    parsed.verify()
    code: bytes = machine.emit_object(parsed)
    return code


class Library:
    """Object code loaded into this process; its functions live as long as this object.

    Names that the code leaves open are looked up in the C library. Functions of another
    `Library` are not: their addresses come in through the arguments of a call, so that cached
    code is the same in every process.

    Args:
        tracker: what keeps the code in memory.
    """

    def __init__(self, tracker: Any) -> None:
        self._tracker = tracker
        # A tracker that is let go unloads the code it was looked up in.
        self._found: dict[str, Any] = {}

    @classmethod
    def from_object(cls, code: bytes) -> "Library":
        """Load object code.

        Args:
            code: what `compile_module` gave for this processor.

        Returns:
            The loaded library.

        Raises:
            RuntimeError: the object code is damaged or needs a symbol that does not exist.
        """
        builder = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        with _loading:
            return cls(builder.link(_linker(), f"elman.{next(_library_numbers)}"))

    def address(self, name: str) -> int:
        """Find a function of the library.

        Args:
            name: its name in the module.

        Returns:
            Its address, valid while the library is alive.

        Raises:
            KeyError: the library has no such function.
        """
        if name not in self._found:
            with _loading:
                try:
                    self._found[name] = _linker().lookup(self._tracker.name, name)
                except RuntimeError as error:
                    raise KeyError(f"the library has no function {name!r}: {error}") from error
        address: int = self._found[name][name]
        return address


def _current_host() -> Host:
    return host()


@cache
def _linker() -> Any:
    # JITLink places a whole object in one block of memory, so that code reaches its constants
    # by short offsets. It does not yet know all of Windows' object format.
    return binding.create_lljit_compiler(use_jit_link=os.name != "nt")


@cache
def _target_machine(host: Host) -> Any:
    return binding.Target.from_triple(binding.get_process_triple()).create_target_machine(
        cpu=host.cpu, features=host.features, opt=3, reloc="pic", codemodel="small"
    )


@cache
def _host(widest: int) -> Host:
    cpu = binding.get_host_cpu_name()
    try:
        features = dict(binding.get_host_cpu_features())
    except RuntimeError:  # LLVM cannot list them on every system; the name then implies them
        features = {}
    if platform.machine().lower() in ("arm64", "aarch64"):
        text = ",".join(f"{'+' if on else '-'}{name}" for name, on in features.items())
        return Host(cpu, text, 4, registers=32, has_fma=True, has_bfloat16=False)
    return _x86_host(cpu, features, widest)


def _x86_host(cpu: str, features: dict[str, bool], widest: int) -> Host:
    lanes = 4
    if features.get("avx2") and features.get("fma"):
        lanes = 8
    if features.get("avx512f"):
        lanes = 16
    lanes = min(lanes, widest)
    # A name left out would still be implied by the processor: it must be switched off.
    kept = {name: on and _fits(name, lanes) for name, on in sorted(features.items())}
    # Some processors are described as better off with 256 bits; explicit vectors are ours.
    kept["prefer-256-bit"] = False
    return Host(
        cpu,
        ",".join(f"{'+' if on else '-'}{name}" for name, on in kept.items()),
        lanes,
        registers=32 if lanes == 16 else 16,
        has_fma=kept.get("fma", False),
        has_bfloat16=kept.get("avx512bf16", False),
    )


def _fits(feature: str, lanes: int) -> bool:
    """Say whether an instruction set needs no wider vectors than `lanes` floats."""
    if lanes == 16:
        return True
    if feature.startswith(("avx512", "avx10", "amx-avx512", "evex512")):
        return False
    return lanes == 8 or not (feature.startswith("avx") or feature in _NEED_AVX)
