//go:build !race

package gorgoniaop

const raceEnabled = false
