/* A program for the test of native coverage: says for each line whether it is the word. */
#include <stdio.h>
#include <string.h>

int main(void) {
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (strcmp(line, "zz9") == 0)
            puts("yes");
        else if (strlen(line) == 7)
            puts("seven");
        else
            puts("no");
        fflush(stdout);
    }
    return 0;
}
