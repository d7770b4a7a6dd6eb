"""The extended Kalman filter over weights."""
