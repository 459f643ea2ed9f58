package main
func depthwise() {}
