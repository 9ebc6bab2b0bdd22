name=world
cat <<EOF
hello $name $(echo nested) $((6 * 7))
EOF
cat <<'EOF'
raw $name $(not run)
EOF
cat <<-EOF | tr a-z A-Z
	indented
	twice
EOF
