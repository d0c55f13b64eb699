-- For wrk: a request body of 1 KiB.
wrk.method = "POST"
wrk.body = string.rep("x", 1024)
