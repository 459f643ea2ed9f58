package main
func im2col() {}
