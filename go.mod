module github.com/nlwire/nlwire

go 1.25.0
