package decode

// DecodeOptions are the choices of [Relaxation.Decode]. The zero value asks for the best path alone.
type DecodeOptions struct {
	// Top is how many paths to list, 0 for 1. At most [MaxTop].
	Top int
	// Name is the name of the architectures.
	Name string
}

// Decoding is what a search found and how sure it is of it.
type Decoding struct {
	// Architecture is the decoded cell with the best path.
	Architecture *Architecture
	// Paths are the best paths, the best first: DecodeOptions.Top of them, or all that the trellis has.
	Paths []Path
	// Edges are the cell's edges, in the order of α, and Blocks its blocks.
	Edges  []EdgeChoice
	Blocks []BlockChoice
	// AlphaEntropy and BetaEntropy are those of [Relaxation.Entropy].
	AlphaEntropy, BetaEntropy float64
}

// Decode turns logits into an architecture as the paper does (§4.3; spec §6): the cell keeps each block's two strongest
// edges with their strongest operators, and the path is the one with the largest product of β among all that start at the
// stem, whatever level they end at. Ties go to the lower number: of an operator, of a state, of a level at the first
// layer where two paths differ.
//
// The error is that of [Relaxation.Validate], or a [*FieldError] for an option. The architecture is always valid.
func (r *Relaxation) Decode(o DecodeOptions) (*Decoding, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if o.Top < 0 || o.Top > MaxTop {
		return nil, fieldErrorf("top", "%d paths (1 to %d are accepted)", o.Top, MaxTop)
	}
	d := &Decoding{Paths: r.BestPaths(max(o.Top, 1))}
	d.AlphaEntropy, d.BetaEntropy = r.Entropy()
	var cell []Block
	cell, d.Blocks, d.Edges = r.decodeCell()
	d.Architecture = &Architecture{Name: o.Name, Cell: cell, Path: d.Paths[0].Levels}
	d.Architecture = d.Architecture.Clone()
	if err := d.Architecture.Validate(); err != nil {
		return nil, err // the name: cells and paths are valid as they are made
	}
	return d, nil
}

// Alternative returns the architecture of path i of d.Paths, with the same cell and name: Alternative(0) equals
// d.Architecture. It panics where there is no such path.
func (d *Decoding) Alternative(i int) *Architecture {
	a := d.Architecture.Clone()
	copy(a.Path, d.Paths[i].Levels)
	return a
}
