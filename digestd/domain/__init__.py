"""The words of digestd as frozen values: no I/O, no clock, no database."""
