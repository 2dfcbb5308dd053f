"""From an incident or a name to what is done about it: whose mail is meant, the plan, the journal, the taking back."""
