"""The scripts of a laptop as functions that take their words, and return the exit code."""

from functools import partial

from painterly.cli.command import verb

bucket_management = partial(verb, "buckets")
cl_get_results = partial(verb, "get-results")
cl_send_source = partial(verb, "send-source")
cl_send_style = partial(verb, "send-style")
get_bucket_content = partial(verb, "get-bucket")
send_to_bucket = partial(verb, "send-bucket")
