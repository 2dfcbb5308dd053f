"""What a mail host's upkeep looks like from its own words: packages, virus signatures, log settings; pure."""
