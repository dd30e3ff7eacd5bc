"""Scripts that draw the examples and measure what the README reports, one script a table."""
