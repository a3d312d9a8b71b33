"""The kinds of panels, and the texts, units and colors that all of them share."""
