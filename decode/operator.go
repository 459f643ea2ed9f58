package decode

import (
	"fmt"
	"strings"
)

// Operator is one of the eight candidate operators of a cell's branch, numbered in the order of α's last axis.
type Operator int

// The candidate operators (Auto-DeepLab §3.1). Each keeps the number of channels; in a cell that halves the resolution
// those that read state 0 or 1 carry stride 2.
const (
	None        Operator = iota // zero: the absence of a branch. Part of the search space, never of a decoded cell
	MaxPool3x3                  // 3×3 max pooling
	AvgPool3x3                  // 3×3 average pooling, padding not counted
	SkipConnect                 // identity; with stride 2: ReLU, 1×1 convolution, BN
	SepConv3x3                  // twice: ReLU, depthwise 3×3, pointwise 1×1, BN
	SepConv5x5                  // the same with 5×5
	AtrConv3x3                  // ReLU, dense 3×3 convolution with rate 2, BN
	AtrConv5x5                  // the same with 5×5
)

// NumOperators is the number of candidate operators, the length of α's last axis.
const NumOperators = int(AtrConv5x5) + 1

var operatorNames = [NumOperators]string{
	"none", "max_pool_3x3", "avg_pool_3x3", "skip_connect",
	"sep_conv_3x3", "sep_conv_5x5", "atr_conv_3x3", "atr_conv_5x5",
}

// Operators returns all candidate operators, [None] first, in the order of α's last axis.
func Operators() []Operator {
	ops := make([]Operator, NumOperators)
	for i := range ops {
		ops[i] = Operator(i)
	}
	return ops
}

// Valid reports whether op is one of the candidate operators.
func (op Operator) Valid() bool { return op >= 0 && int(op) < NumOperators }

// String returns the operator's name as files spell it, such as "sep_conv_3x3".
func (op Operator) String() string {
	if !op.Valid() {
		return fmt.Sprintf("Operator(%d)", int(op))
	}
	return operatorNames[op]
}

// ParseOperator returns the operator of that exact name. The error of another name lists those accepted.
func ParseOperator(name string) (Operator, error) {
	for i, n := range operatorNames {
		if n == name {
			return Operator(i), nil
		}
	}
	return 0, fmt.Errorf("%s is not an operator (accepted: %s)", quote(name), strings.Join(operatorNames[:], ", "))
}

// MarshalText implements [encoding.TextMarshaler] with the operator's name.
func (op Operator) MarshalText() ([]byte, error) {
	if !op.Valid() {
		return nil, fmt.Errorf("%d is not an operator (there are %d)", int(op), NumOperators)
	}
	return []byte(operatorNames[op]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler] by [ParseOperator].
func (op *Operator) UnmarshalText(text []byte) error {
	p, err := ParseOperator(string(text))
	if err == nil {
		*op = p
	}
	return err
}
