"""The case of one incident: from what was found to statements, a timeline, pages, exports, and a chain of custody."""
