"""The commands that collect, check and print, one file each."""
