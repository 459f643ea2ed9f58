package dataset

import "testing"

// TestExampleEdges reads tf.Examples that are legal but not as TensorFlow writes them.
func TestExampleEdges(t *testing.T) {
	for name, test := range map[string]struct {
		data string
		want map[string]string
		fail bool
	}{
		"empty":            {"", map[string]string{}, false},
		"value first":      {"\n\x0c\n\x0a\x12\x05\n\x03\n\x01v\n\x01k", map[string]string{"k": "v"}, false},
		"integers":         {"\n\x0c\n\x0a\n\x01k\x12\x05\x1a\x03\n\x01\x07", map[string]string{}, false},
		"several values":   {"\n\x0f\n\x0d\n\x01k\x12\x08\n\x06\n\x01a\n\x01b", map[string]string{}, false},
		"two Features":     {"\n\x0c\n\x0a\n\x01k\x12\x05\n\x03\n\x01v\n\x0c\n\x0a\n\x01l\x12\x05\n\x03\n\x01w", map[string]string{"k": "v", "l": "w"}, false},
		"an unknown field": {"\x10\x05\n\x0c\n\x0a\n\x01k\x12\x05\n\x03\n\x01v", map[string]string{"k": "v"}, false},
		"cut":              {"\n\x0c\n\x0a\n\x01k\x12\x05\n\x03\n\x01", nil, true},
		"too long":         {"\n\xff\xff\xff\xff\xff\xff\xff\xff\x7f", nil, true},
	} {
		got, err := parseExample([]byte(test.data))
		if (err != nil) != test.fail || len(got) != len(test.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		for k, v := range test.want {
			if string(got[k]) != v {
				t.Errorf("%s: %s is %q, want %q", name, k, got[k], v)
			}
		}
	}
}
