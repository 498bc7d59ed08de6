"""The paper's figures and tables, drawn from what a cast's models said: a module for each figure."""
