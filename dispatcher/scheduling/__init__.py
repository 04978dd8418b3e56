"""What happens because time passes: offers and announcements run out, deadlines are missed."""
