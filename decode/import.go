package decode

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"autodeeplab/weights/checkpoint"
)

// Files of other programs hold α and β as bare arrays: which element means what is known only from the program. What is
// recognised by the arrays' names:
//
//	names                        program                        α's rows       β
//	alphas, betas                NoamRosenberg/autodeeplab      OldestFirst    Outgoing
//	                             and its forks, since 2019-09
//	alphas_cell, alphas_network  MenghaoGuo/AutoDeeplab         OldestFirst    must be said: its forward pass uses β as
//	                                                                           IncomingPacked, its decoder as OutgoingPacked
//
// Both have the operators in the order of [Operators], with dil_conv for what is atr_conv here. Under any other names all
// must be said. NoamRosenberg/autodeeplab's four tensors of before 2019-09 (bottom_betas, betas8, betas16, top_betas)
// weigh incoming moves and lack some; no path can be decoded from them.
//
// Whatever moves a program normalised β over, it is the paper's normalisation that is decoded: each logit goes to its
// move, and softmax is taken over the moves that leave a node.

// AlphaOrder is the order of the rows of α within a block. After the two cell inputs come the blocks, in every program.
type AlphaOrder string

// The orders of α's rows.
const (
	NewestFirst AlphaOrder = "newest-first" // H[l-1], H[l-2], block 0 …: this program's own
	OldestFirst AlphaOrder = "oldest-first" // H[l-2], H[l-1], block 0 …
)

// AlphaOrders lists all orders of α's rows.
func AlphaOrders() []AlphaOrder { return []AlphaOrder{NewestFirst, OldestFirst} }

// BetaConvention says which move an element of β [layers, levels, 3] belongs to.
type BetaConvention string

// The conventions of β. A move goes from level k of layer l-1 to level j of layer l.
const (
	// Outgoing is this program's own: row k, column 0 for up (j = k-1), 1 for same, 2 for down.
	Outgoing BetaConvention = "outgoing"
	// OutgoingPacked is Outgoing, but row 0, where there is no up, starts with same: its columns are same, down.
	OutgoingPacked BetaConvention = "outgoing-packed"
	// Incoming is row j, column 0 from level j-1, 1 from level j, 2 from level j+1.
	Incoming BetaConvention = "incoming"
	// IncomingPacked is Incoming, but row 0 starts with the column of level 0, and the one move into a level's first
	// node (j = l+1) is where Outgoing would have it, packed: row k, column 2, or 1 for k = 0.
	IncomingPacked BetaConvention = "incoming-packed"
)

// BetaConventions lists all conventions of β.
func BetaConventions() []BetaConvention {
	return []BetaConvention{Outgoing, OutgoingPacked, Incoming, IncomingPacked}
}

// place returns the row and column of the move m that leaves level k of layer l-1.
func (c BetaConvention) place(l, k, m int) (row, column int) {
	j := k + m - 1
	switch c {
	case OutgoingPacked:
		if k == 0 {
			return k, m - 1
		}
	case Incoming:
		return j, 2 - m
	case IncomingPacked:
		switch {
		case j == l+1 && k == 0:
			return k, 1
		case j == l+1:
			return k, 2
		case j == 0:
			return j, 1 - m
		}
		return j, 2 - m
	}
	return k, m
}

// ValueKind says whether the numbers of a file are before or after softmax.
type ValueKind string

// The kinds of values.
const (
	Logits        ValueKind = "logits"
	Probabilities ValueKind = "probabilities"
)

// ValueKinds lists all kinds of values.
func ValueKinds() []ValueKind { return []ValueKind{Logits, Probabilities} }

// ImportOptions say what a file of another program does not. Zero values leave it to the names of the arrays.
type ImportOptions struct {
	// AlphaName and BetaName are the names of the arrays: their full names, or the part behind the last dot.
	AlphaName, BetaName string
	AlphaOrder          AlphaOrder
	BetaConvention      BetaConvention
	// Operators are those of α's columns, all eight in the file's order.
	Operators []Operator
	// Values is Logits where it is left open, unless α looks like probabilities.
	Values ValueKind
}

// isZero reports whether nothing is said.
func (o *ImportOptions) isZero() bool {
	return o.AlphaName == "" && o.BetaName == "" && o.AlphaOrder == "" && o.BetaConvention == "" && o.Operators == nil && o.Values == ""
}

// ImportOption names a field of [ImportOptions] in an [AmbiguousError].
type ImportOption string

// The options that settle what a file leaves open.
const (
	OptionAlphaName      ImportOption = "AlphaName"
	OptionBetaName       ImportOption = "BetaName"
	OptionAlphaOrder     ImportOption = "AlphaOrder"
	OptionBetaConvention ImportOption = "BetaConvention"
	OptionOperators      ImportOption = "Operators"
	OptionValues         ImportOption = "Values"
)

// AmbiguousError is a file that can be read in more than one way: the options named settle it.
type AmbiguousError struct {
	// Problem says what was found and why it is not enough.
	Problem string
	// Options are those that settle it.
	Options []ImportOption
}

// Error returns the problem alone; a caller with flags adds those of the options.
func (e *AmbiguousError) Error() string { return e.Problem }

// source is a program whose arrays are known by their names.
type source struct {
	project     string
	alpha, beta string
	order       AlphaOrder
	convention  BetaConvention // "" where the program contradicts itself
	conflict    string         // how
}

var sources = []source{
	{project: "NoamRosenberg/autodeeplab", alpha: "alphas", beta: "betas", order: OldestFirst, convention: Outgoing},
	{
		project: "MenghaoGuo/AutoDeeplab", alpha: "alphas_cell", beta: "alphas_network", order: OldestFirst,
		conflict: fmt.Sprintf("that program's forward pass reads it as %s, its decoder as %s", IncomingPacked, OutgoingPacked),
	},
}

// ImportRelaxation reads α and β from a file of this program ([ReadRelaxation]) or of another: a NumPy .npz, two .npy, or
// any other checkpoint that package checkpoint reads (PyTorch's pickles are parsed, nothing in them is executed). The kind is
// told by the contents. What the names of the arrays do not tell o must; else the error is an [*AmbiguousError]. The
// result is valid.
func ImportRelaxation(o ImportOptions, paths ...string) (*Relaxation, error) {
	var found []array
	for _, path := range paths {
		f, err := checkpoint.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if f.Format == checkpoint.Safetensors {
			switch {
			case len(paths) > 1:
				return nil, fmt.Errorf("%s: a relaxation of this program, which takes no second file", path)
			case !o.isZero():
				return nil, fmt.Errorf("%s: a relaxation of this program, whose layout needs no options", path)
			}
			return ReadRelaxation(path)
		}
		found = append(found, arrays(f)...)
	}
	r, err := assemble(found, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(paths, ", "), err)
	}
	return r, nil
}

// assemble makes a relaxation of two of the arrays.
func assemble(arrays []array, o ImportOptions) (*Relaxation, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	alphaArray, betaArray, src, err := choose(arrays, &o)
	if err != nil {
		return nil, err
	}
	alpha, err := loadArray(alphaArray, 2, NumOperators)
	if err != nil {
		return nil, err
	}
	beta, err := loadArray(betaArray, 3, NumMoves)
	if err != nil {
		return nil, err
	}
	if err := o.settle(src, alphaArray.name, betaArray.name, alpha); err != nil {
		return nil, err
	}
	if o.Values == Probabilities {
		for _, a := range []struct {
			name string
			*dense
		}{{alphaArray.name, alpha}, {betaArray.name, beta}} {
			if err := takeLogarithms(a.name, a.data); err != nil {
				return nil, err
			}
		}
	}
	alphaRows, betaCells := o.reorderAlpha(alpha), o.reorderBeta(beta)
	info := map[string]string{"imported": alphaArray.name + ", " + betaArray.name}
	if src != nil {
		info["layout"] = src.project
	}
	return newFromTensors(alphaRows, alpha.shape, betaCells, beta.shape, info)
}

func (o *ImportOptions) check() error {
	if o.AlphaOrder != "" && !slices.Contains(AlphaOrders(), o.AlphaOrder) {
		return fieldErrorf("AlphaOrder", "%s (accepted: %v)", quote(string(o.AlphaOrder)), AlphaOrders())
	}
	if o.BetaConvention != "" && !slices.Contains(BetaConventions(), o.BetaConvention) {
		return fieldErrorf("BetaConvention", "%s (accepted: %v)", quote(string(o.BetaConvention)), BetaConventions())
	}
	if o.Values != "" && !slices.Contains(ValueKinds(), o.Values) {
		return fieldErrorf("Values", "%s (accepted: %v)", quote(string(o.Values)), ValueKinds())
	}
	if o.Operators != nil {
		sorted := slices.Sorted(slices.Values(o.Operators))
		if !slices.Equal(sorted, Operators()) {
			return fieldErrorf("Operators", "%v (all %d are wanted, each once)", o.Operators, NumOperators)
		}
	}
	return nil
}

func loadArray(a *array, axes, last int) (*dense, error) {
	d, err := a.load()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote(a.name), err)
	}
	if len(d.shape) != axes || d.shape[axes-1] != last {
		want := fmt.Sprintf("[edges, %d], one α for all cells", NumOperators)
		if axes == 3 {
			want = fmt.Sprintf("[layers, levels, %d]", NumMoves)
		}
		return nil, fmt.Errorf("%s: shape %d; want %s", quote(a.name), d.shape, want)
	}
	return d, nil
}

// settle fills what was not said from the source, and asks for what that leaves open.
func (o *ImportOptions) settle(src *source, alphaName, betaName string, alpha *dense) error {
	if src != nil {
		if o.AlphaOrder == "" {
			o.AlphaOrder = src.order
		}
		if o.BetaConvention == "" {
			o.BetaConvention = src.convention
		}
		if o.Operators == nil {
			o.Operators = Operators()
		}
	}
	var open []ImportOption
	if o.AlphaOrder == "" {
		open = append(open, OptionAlphaOrder)
	}
	if o.BetaConvention == "" {
		open = append(open, OptionBetaConvention)
	}
	if o.Operators == nil {
		open = append(open, OptionOperators)
	}
	switch {
	case len(open) > 0 && src != nil:
		return &AmbiguousError{fmt.Sprintf("what the elements of %s mean: %s", quote(betaName), src.conflict), open}
	case len(open) > 0:
		return &AmbiguousError{
			fmt.Sprintf("%s and %s are the arrays of no known program, so that the order of their elements must be said",
				quote(alphaName), quote(betaName)), open,
		}
	}
	if o.Values == "" {
		if looksNormalised(alpha) {
			return &AmbiguousError{
				fmt.Sprintf("every row of %s is positive and adds up to 1, as after softmax", quote(alphaName)),
				[]ImportOption{OptionValues},
			}
		}
		o.Values = Logits
	}
	return nil
}

// looksNormalised reports whether all rows of an α are probabilities.
func looksNormalised(alpha *dense) bool {
	for at := 0; at < len(alpha.data); at += NumOperators {
		sum := 0.0
		for _, v := range alpha.data[at : at+NumOperators] {
			if !(v >= 0) {
				return false
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-3 {
			return false
		}
	}
	return true
}

// leastProbability stands for a probability of 0, which has no logarithm.
const leastProbability = 1e-300

func takeLogarithms(name string, data []float64) error {
	for i, v := range data {
		if !(v >= 0 && v <= 1+1e-6) {
			return fmt.Errorf("%s: %g is no probability", quote(name), v)
		}
		data[i] = math.Log(max(v, leastProbability))
	}
	return nil
}

// reorderAlpha puts the rows and columns of α in this program's order.
func (o *ImportOptions) reorderAlpha(alpha *dense) []float32 {
	out := make([]float32, len(alpha.data))
	block, input := 0, 0
	for row := range alpha.shape[0] {
		from := row
		if o.AlphaOrder == OldestFirst {
			switch input {
			case 0:
				from = row + 1
			case 1:
				from = row - 1
			}
		}
		// Only a cut-off α lacks row + 1; it is refused for its number of rows.
		from = min(from, alpha.shape[0]-1)
		for column, op := range o.Operators {
			out[row*NumOperators+int(op)] = float32(alpha.data[from*NumOperators+column])
		}
		if input++; input == block+2 {
			block, input = block+1, 0
		}
	}
	return out
}

// reorderBeta moves β's elements to where this program has them; those of no move are left 0.
func (o *ImportOptions) reorderBeta(beta *dense) []float32 {
	r := Relaxation{Layers: beta.shape[0], Levels: beta.shape[1]}
	out := make([]float32, len(beta.data))
	for l := range r.Layers {
		for k := range r.Levels {
			for m := range NumMoves {
				if !r.Masked(l, k, m) {
					row, column := o.BetaConvention.place(l, k, m)
					out[r.betaIndex(l, k, m)] = float32(beta.data[r.betaIndex(l, row, column)])
				}
			}
		}
	}
	return out
}
