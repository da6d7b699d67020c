module github.com/naslane/naslane/ffi/adapters/go

go 1.19
