"""Web forms that send mail: what a visitor's words can reach in a script, by following them through it; pure."""
