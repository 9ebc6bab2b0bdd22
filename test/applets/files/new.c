/* Two texts that differ, for diff and patch. */
static int add(int a, int b)
{
	return a + b;
}

int main(void)
{
	return add(3, 4);
}
