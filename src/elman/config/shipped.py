"""Ready-made settings that come with the package."""

from pathlib import Path

from elman.errors import ConfigError

FOLDER = Path(__file__).parent.parent / "configs"


def shipped_names() -> list[str]:
    """Return the names of the settings that come with the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def settings_file(name: str) -> Path:
    """Find a settings file by its name in the package, or by its path.

    Args:
        name: a name of `shipped_names`, or the path of a `.toml` file.

    Returns:
        The file.

    Raises:
        ConfigError: if there is none.
    """
    shipped = FOLDER / f"{name}.toml"
    if shipped.is_file():
        return shipped
    if name.endswith(".toml"):
        return Path(name)
    raise ConfigError(
        f"--config {name}: no such settings; shipped are {', '.join(shipped_names())}, "
        "or give the path of a .toml file."
    )
