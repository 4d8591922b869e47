module digestd.example/tests/bench/go_mailer

go 1.21
