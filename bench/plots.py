"""Draws a plot into a small PNG."""

from pathlib import Path

from bench.findings import Plot


def save(plot: Plot, *, folder: Path) -> Path:
    """Draw it; the file is named after the plot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    plot.draw(axes)
    axes.grid(visible=True, alpha=0.3)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plot.name}.png"
    figure.savefig(path, dpi=90)
    return path
