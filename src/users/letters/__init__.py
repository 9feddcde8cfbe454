"""E-mails: written in the transaction of what they tell about, sent by a worker after it."""
