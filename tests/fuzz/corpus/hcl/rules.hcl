key "" { policy = "read" }
key_prefix "a/" { policy = "list" }
operator = "write"
