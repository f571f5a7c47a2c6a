#include <iostream>

#include <discovery/version.h>

int main() {
  std::cout << discovery::version() << "\n";
  return discovery::version().empty() ? 1 : 0;
}
