// Package decode owns the Architecture: the intermediate representation of a searched network, as a cell and a path of
// resolutions, independent of width, classes and image size.
//
// An Architecture is all that a search finds and all that the compiler needs to know about *what* the network is. It
// has a JSON form with a strict reader ([Unmarshal], [ReadFile]) and a canonical writer ([Marshal], [WriteFile]), a
// text form for people ([Architecture.String]), and [Published], the network of Auto-DeepLab (Liu et al., CVPR 2019),
// which is the default wherever none is given.
//
// # Numbering
//
// Everything is counted from 0, in Go, in JSON and in messages: blocks, branches, layers and levels. Level k is
// downsample rate 4·2^k. The states that a branch may read are numbered in the order of the authors' release:
//
//	0     H^{l-1}, the output of the previous cell
//	1     H^{l-2}, the output of the cell before that
//	2+i   the output of block i of the same cell
package decode

import (
	"slices"
	"strconv"
)

// Limits of an Architecture. They bound what a hostile file can make a later stage allocate; the published network has
// 5 blocks and 12 layers.
const (
	MaxBlocks    = 32      // blocks of a cell
	MaxLayers    = 128     // layers of a path
	MaxNameBytes = 128     // bytes of a name, in UTF-8
	MaxFileBytes = 1 << 20 // bytes of the JSON form
)

// NumLevels is the number of levels, and so of rows in the trellis: rates 1/4, 1/8, 1/16 and 1/32.
const NumLevels = 4

// Branch applies an operator to one state of the cell.
type Branch struct {
	// Input is the state read: 0 = H^{l-1}, 1 = H^{l-2}, 2+i = block i. A branch of block b may read states 0 to b+1.
	Input int
	// Op is the operator applied; never [None].
	Op Operator
}

// Block adds its two branches. Both may read the same state. Their order does not change the sum, but it does name
// the weights, so it counts in [Architecture.Equal].
type Block [2]Branch

// Architecture is what a search finds: one cell, used at every layer, and the level of each layer. The zero value is
// not valid; see [Architecture.Validate].
type Architecture struct {
	// Name is for people: titles, file names, metadata. It may be empty and has no other effect on the network.
	Name string
	// Cell lists the blocks in an order in which each reads only states made before it. The cell's output H^l is the
	// concatenation of all its blocks, in this order.
	Cell []Block
	// Path holds the level of each layer: layer l works at downsample rate 4·2^Path[l]. The stem before layer 0 ends
	// at level 0, and from layer to layer the level changes by at most one.
	Path []int
}

// NumBlocks returns B, the number of blocks of the cell.
func (a *Architecture) NumBlocks() int { return len(a.Cell) }

// Layers returns L, the number of layers (cells) of the network, stem and head not counted.
func (a *Architecture) Layers() int { return len(a.Path) }

// Stride returns the downsample rate of layer l's output, 4, 8, 16 or 32 input pixels to one. Layer -1 is the stem,
// whose stride is 4. It panics where l is no layer of the path.
func (a *Architecture) Stride(l int) int {
	if l == -1 {
		return 4
	}
	return 4 << a.Path[l]
}

// OutputStride returns the stride of the last layer, the one that the head (ASPP) reads.
func (a *Architecture) OutputStride() int { return a.Stride(a.Layers() - 1) }

// LowLevelLayer returns the layer whose output is the decoder's low-level feature: the last one at level 0 before the
// path first leaves that level (spec §4.6), or -1, the stem, where layer 0 is not at level 0 already. It is 2 in the
// published network, and the last layer where a path never leaves level 0.
func (a *Architecture) LowLevelLayer() int {
	for l, k := range a.Path {
		if k != 0 {
			return l - 1
		}
	}
	return a.Layers() - 1
}

// Move is the step between the levels of two consecutive layers, numbered in the order of β's last axis.
type Move int

// The moves.
const (
	Up   Move = iota // to level k-1: the resolution doubles
	Same             // stay at level k
	Down             // to level k+1: the resolution halves
)

// String returns "up", "same" or "down".
func (m Move) String() string {
	if m < Up || m > Down {
		return "Move(" + strconv.Itoa(int(m)) + ")"
	}
	return [...]string{"up", "same", "down"}[m]
}

// Move returns the step that arrives at layer l; layer 0 is reached from the stem, at level 0. It panics where l is no
// layer of the path.
func (a *Architecture) Move(l int) Move {
	from := 0
	if l > 0 {
		from = a.Path[l-1]
	}
	return Same + Move(a.Path[l]-from)
}

// Equal reports whether a and b have the same name, cell and path. To compare networks whatever their names, compare
// [Architecture.Fingerprint].
func (a *Architecture) Equal(b *Architecture) bool {
	return a.Name == b.Name && slices.Equal(a.Cell, b.Cell) && slices.Equal(a.Path, b.Path)
}

// Clone returns a deep copy.
func (a *Architecture) Clone() *Architecture {
	return &Architecture{Name: a.Name, Cell: slices.Clone(a.Cell), Path: slices.Clone(a.Path)}
}
