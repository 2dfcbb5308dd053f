"""What is published in the DNS about our mail: read, followed and judged; pure."""
