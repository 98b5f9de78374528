"""Where every file of a run comes from: read from the records of its jobs, told to people and machines."""
