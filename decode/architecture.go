// Package decode owns the Architecture: the intermediate representation of a searched network, as a cell and a path of
// resolutions, independent of width, classes and image size.
package decode

// Operator is one of the eight candidate operators of a cell's branch, numbered in the order of α's last axis.
type Operator int

// The candidate operators (Auto-DeepLab §3.1).
const (
	None Operator = iota
	MaxPool3x3
	AvgPool3x3
	SkipConnect
	SepConv3x3
	SepConv5x5
	AtrConv3x3
	AtrConv5x5
)

// Branch applies an operator to one state of the cell. State 0 is H^{l-1}, the previous cell's output; state 1 is
// H^{l-2}; state 2+i is the output of block i of the same cell.
type Branch struct {
	Input int
	Op    Operator
}

// Block adds its two branches.
type Block [2]Branch

// Architecture is what a search finds: one cell, used at every layer, and the level of each layer (level k is
// downsample rate 4·2^k, k = 0…3).
type Architecture struct {
	Name string
	Cell []Block
	Path []int
}
