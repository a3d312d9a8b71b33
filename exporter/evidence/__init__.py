"""Who owns sessions, and what the application itself lists as live: asked, and judged."""
