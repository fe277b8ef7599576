"""Only Connect Wall: walls of sixteen clues, their herrings, and how models group them."""
