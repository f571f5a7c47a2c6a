# An agent
datacenter = "dc1" // here
ports { http = 0x2134, dns = -1 }
/* two */ limits = { http_max_conns_per_client = 200 rate = 1.5e+2 }
service "web" "x" { tags = ["a", true, [1, .5], { b = 0755 }] }
service { note = "${file("a b")} \u00e9\x41\101\n" }
