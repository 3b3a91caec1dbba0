"""What is said in a lesson beside the lesson itself: chat, announcements, private lines, quizzes; and how
order is kept."""
