"""A simulated population, some of whom are taken over: how soon and how rightly alarm is raised."""
