package search

import (
	"fmt"

	"autodeeplab/decode"
)

// Space is a search space: the shape of the trellis and of its cells (paper §3).
type Space struct {
	Layers  int // L, the layers of cells; 12 in the paper
	Blocks  int // B, the blocks of a cell; 5
	Filters int // F, the channels of a block at level 0; 8 in the paper's search
	Levels  int // rows of the trellis, 1 to decode.NumLevels
	Classes int
	// OwnWeights gives each incoming transition of a node operators with weights of their own; else the up to three of
	// them share the node's (spec §5).
	OwnWeights bool
}

// Limits of a Space, those of what can be decoded from it, and of what a machine can hold.
const (
	MaxFilters = 1024
	MaxClasses = 255 // labels are bytes, and one value is for pixels that do not count
)

// Validate reports the first number that is out of range, with the flag that sets it.
func (s Space) Validate() error {
	for _, f := range []struct {
		flag             string
		got, least, most int
	}{
		{"layers", s.Layers, 1, decode.MaxLayers},
		{"blocks", s.Blocks, 1, decode.MaxBlocks},
		{"filters", s.Filters, 1, MaxFilters},
		{"levels", s.Levels, 1, decode.NumLevels},
		{"classes", s.Classes, 2, MaxClasses},
	} {
		if f.got < f.least || f.got > f.most {
			return fmt.Errorf("%d %s, want %d to %d (--%[2]s)", f.got, f.flag, f.least, f.most)
		}
	}
	return nil
}

// Exists reports whether the trellis has a node at a layer and level: level k is first reached at layer k−1, counted from
// 0, since the stem ends at level 0. Layer −1 is the stem.
func (s Space) Exists(layer, level int) bool {
	if layer == -1 {
		return level == 0
	}
	return layer >= 0 && layer < s.Layers && level >= 0 && level < s.Levels && level <= layer+1
}

// Channels is the number of channels of a block at a level, F·2^level.
func (s Space) Channels(level int) int { return s.Filters << level }

// Width is the number of channels of a node at a level: that of all its blocks. The stem ends with as many as level 0.
func (s Space) Width(level int) int { return s.Blocks * s.Channels(level) }

// transition is one arrow of the trellis: the move that leaves level from of layer−1 and arrives at layer.
type transition struct{ layer, from, move int }

// The moves, in the order of β's last axis.
const (
	moveUp, moveSame, moveDown = 0, 1, 2
	numMoves                   = 3
)

// to is the level that the move arrives at.
func (t transition) to() int { return t.from + t.move - 1 }

// beta is the transition's index among the elements of β [layers, levels, 3].
func (s Space) beta(t transition) int { return (t.layer*s.Levels+t.from)*numMoves + t.move }

// incoming lists the transitions into a node, from the finest level to the coarsest.
func (s Space) incoming(layer, level int) []transition {
	var list []transition
	for from := level - 1; from <= level+1; from++ {
		if s.Exists(layer-1, from) {
			list = append(list, transition{layer, from, level - from + 1})
		}
	}
	return list
}

// cell is a cell of the supernet: the operators of a node that some of its incoming transitions share.
type cell struct {
	name        string
	transitions []transition
}

// cells lists the cells of a node, in the order of their transitions.
func (s Space) cells(layer, level int) []cell {
	incoming := s.incoming(layer, level)
	if !s.OwnWeights {
		return []cell{{nodeName(layer, level) + "/cell", incoming}}
	}
	var list []cell
	for _, t := range incoming {
		list = append(list, cell{fromName(t) + "/cell", []transition{t}})
	}
	return list
}

// liveMoves marks the elements of β that stand for a transition of the trellis.
func (s Space) liveMoves() []bool {
	live := make([]bool, s.Layers*s.Levels*numMoves)
	for layer := range s.Layers {
		for level := range s.Levels {
			if s.Exists(layer, level) {
				for _, t := range s.incoming(layer, level) {
					live[s.beta(t)] = true
				}
			}
		}
	}
	return live
}

// Sizes gives the height and width of each level for an image: two halvings to level 0, one to each next, rounded up.
func (s Space) Sizes(height, width int) [][2]int {
	half := func(n int) int { return (n + 1) / 2 }
	h, w := half(half(height)), half(half(width))
	list := make([][2]int, s.Levels)
	for k := range list {
		list[k] = [2]int{h, w}
		h, w = half(h), half(w)
	}
	return list
}
