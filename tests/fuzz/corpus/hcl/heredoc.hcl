a = <<EOT
one
  EOT
b = <<-E_1
    x
      y
    E_1
c {}