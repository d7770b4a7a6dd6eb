"""Linear readouts that are solved for: ridge, recursive least squares, FORCE."""
