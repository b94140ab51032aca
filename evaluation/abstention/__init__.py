"""How far a model's calibration keeps what it promises: coverage of sets, answers withheld, films out of scope."""
