"""Train, measure and test the choice of gists."""
