"""What is known about recorded lessons: who may see which, what is in them, what is made of them. Pure."""
