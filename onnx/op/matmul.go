package op

import (
	"fmt"
	"slices"
)

// matmulRules covers the matrix products.
var matmulRules = map[string]Rule{"MatMul": matMul, "MatMulInteger": matMulInteger, "Gemm": gemm}

// matMul is NumPy's matmul: the last two dimensions are matrices, those before broadcast; a vector counts as one row on
// the left and as one column on the right, and leaves no dimension in the output.
func matMul(c *Call) error {
	a, b := c.In[0], c.In[1]
	for i, t := range c.In[:2] {
		if t.HasRank() && t.Rank() == 0 {
			return fmt.Errorf("input %q is a scalar, want 1 or more dimensions", c.InputName(i))
		}
	}
	if !a.HasRank() || !b.HasRank() {
		return nil
	}
	left, right := a.Dims, b.Dims
	if len(left) == 1 {
		left = []Dim{Known(1), left[0]}
	}
	if len(right) == 1 {
		right = []Dim{right[0], Known(1)}
	}
	n, m := len(left), len(right)
	if _, ok := dimsAgree(left[n-1], right[m-2]); !ok {
		return fmt.Errorf("a product of %s and %s: %s columns meet %s rows", a, b, left[n-1], right[m-2])
	}
	dims, ok := broadcastBatch(left[:n-2], right[:m-2])
	if !ok {
		return fmt.Errorf("a product of %s and %s: the dimensions before the matrices do not broadcast", a, b)
	}
	if a.Rank() > 1 {
		dims = append(dims, left[n-2])
	}
	if b.Rank() > 1 {
		dims = append(dims, right[m-1])
	}
	c.Out[0].Dims = dims
	return nil
}

// broadcastBatch broadcasts two lists of dimensions, aligned at their ends.
func broadcastBatch(a, b []Dim) ([]Dim, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	if out == nil {
		out = []Dim{}
	}
	for i, y := range b {
		x := &out[len(a)-len(b)+i]
		switch {
		case y.Size == 1:
		case x.Size == 1:
			*x = y
		case x.IsKnown() && y.IsKnown():
			if x.Size != y.Size {
				return nil, false
			}
		case x.IsKnown(): // the unknown one is 1 or the same
		case y.IsKnown():
			*x = y
		case x.Name == "" || x.Name != y.Name:
			*x = Named("")
		}
	}
	return out, true
}

// matMulInteger is matMul with zero points: single values, or one for each row of A and column of B, as a vector or as a
// tensor shaped like its operand with 1 in place of the dimension that is summed over.
func matMulInteger(c *Call) error {
	if err := matMul(c); err != nil {
		return err
	}
	for i := range 2 {
		zero, of := c.Input(2+i), c.In[i]
		if zero == nil || !zero.HasRank() || isSingle(zero) || !of.HasRank() {
			continue
		}
		summed, kept := max(of.Rank()-1, 0), max(of.Rank()-2, 0)
		if i == 1 {
			summed, kept = kept, summed
		}
		want := SameDims(of)
		if zero.Rank() == 1 {
			want = want[kept : kept+1]
		} else {
			want[summed] = Known(1)
		}
		ok := len(want) == zero.Rank() && of.Rank() > 1
		for k := 0; ok && k < len(want); k++ {
			_, ok = dimsAgree(want[k], zero.Dims[k])
		}
		if !ok {
			w := Info{DType: zero.DType, Dims: want}
			return fmt.Errorf("input %q is %s, want a single value or %s for %s", c.InputName(2+i), zero, &w, of)
		}
	}
	return nil
}

// gemm is A'·B' plus a C that broadcasts to the product; A' and B' are transposed on demand.
func gemm(c *Call) error {
	m, k, err := gemmOperand(c, 0, "transA")
	if err != nil {
		return err
	}
	rows, n, err := gemmOperand(c, 1, "transB")
	if err != nil {
		return err
	}
	if _, ok := dimsAgree(k, rows); !ok {
		return fmt.Errorf("a product of %s and %s (transA %d, transB %d): %s columns meet %s rows", c.In[0], c.In[1],
			c.Attrs.Int("transA"), c.Attrs.Int("transB"), k, rows)
	}
	c.Out[0].Dims = []Dim{m, n}
	if !c.Has(2) || !c.In[2].HasRank() {
		return nil
	}
	bias := c.In[2]
	ok := bias.Rank() <= 2
	for i := 1; ok && i <= bias.Rank(); i++ {
		d := bias.Dims[bias.Rank()-i]
		if d.Size != 1 {
			_, ok = dimsAgree(d, c.Out[0].Dims[2-i])
		}
	}
	if !ok {
		return fmt.Errorf("input %q is %s, which does not broadcast to the product, %s", c.InputName(2), bias, &c.Out[0])
	}
	return nil
}

// gemmOperand gives rows and columns of an operand after transposition.
func gemmOperand(c *Call, i int, attr string) (rows, cols Dim, err error) {
	trans, err := c.flag(attr)
	if err != nil {
		return Dim{}, Dim{}, err
	}
	t := c.In[i]
	if !t.HasRank() {
		return Named(""), Named(""), nil
	}
	if t.Rank() != 2 {
		return Dim{}, Dim{}, fmt.Errorf("input %q is %s, want 2 dimensions", c.InputName(i), t)
	}
	if trans {
		return t.Dims[1], t.Dims[0], nil
	}
	return t.Dims[0], t.Dims[1], nil
}
