"""Starts and torments real servers and millrace's programs for the system tests and benchmarks.

Only outside views are used: HTTP, SQL, Kafka's protocol (by a client that is not librdkafka's),
signals, exit statuses and logs. Nothing here sleeps for a length of time to let something happen:
`wait.wait_for` asks for the event itself, with a deadline.
"""
