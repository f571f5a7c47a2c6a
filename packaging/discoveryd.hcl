# The agent's configuration; all files *.hcl and *.json here are read, in the order of their names.
# `discoveryd validate /etc/discoveryd` says what is wrong with them; `systemctl reload discoveryd` takes them over.

# One server that is reached from this machine only.
server           = true
bootstrap_expect = 1
bind_addr        = "127.0.0.1"
data_dir         = "/var/lib/discoveryd"
