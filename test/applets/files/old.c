/* Two texts that differ, for diff and patch. */
int add(int a, int b)
{
	return a + b;
}

int main(void)
{
	return add(1, 2);
}
