/* SPDX-License-Identifier: Apache-2.0 */
/* Written for this project; none is from a benchmark. Easy ones first. */
#include "cli/calibrate.h"

#define LETTER " Answer with the letter only."

const struct calibrate_question calibrate_questions[] = {
	{ "What is the capital of Norway? One word.", "Oslo" },
	{ "Which planet is called the red planet?", "Mars" },
	{ "How many days does a week have?", "7" },
	{ "What colour do you get from blue and yellow paint?", "green" },
	{ "What is the opposite of \"empty\"? One word.", "full" },
	{ "What is 8 plus 5?", "13" },
	{ "How many minutes are two hours?", "120" },
	{ "Which animal barks?", "dog" },
	{ "Translate the German word \"Hund\" into English. One word.", "dog" },
	{ "What is frozen water called?", "ice" },
	{ "How many legs does a spider have?", "8" },
	{ "What is half of 50?", "25" },
	{ "Which month comes after August?", "September" },
	{ "What is the plural of \"child\"?", "children" },
	{ "Which ocean lies between Europe and America?", "Atlantic" },
	{ "How many grams are 2 kilograms?", "2000" },
	{ "Who wrote the play Hamlet? Surname only.", "Shakespeare" },
	{ "What is the past tense of \"go\"?", "went" },
	{ "Extract the phone number: Call Eva on 555 after six.", "555" },
	{ "At what time does the meeting start? \"Doors open at 8, we meet at 9.\" Say the "
	  "number "
	  "only.",
	  "9" },
	{ "What is 17 times 6?", "102" },
	{ "What is 1000 minus 368?", "632" },
	{ "A pen costs 3 euros. What do seven pens cost?", "21" },
	{ "Ben has 12 stamps, gives away 5 and buys 9. How many has he now?", "16" },
	{ "A train leaves at 14:20 and arrives at 16:05. How many minutes does it travel?",
	  "105" },
	{ "A shirt of 40 euros is sold at 25 percent less. What does it cost?", "30" },
	{ "Three painters need 4 hours for a wall. How many hours does one need?", "12" },
	{ "A box holds 6 rows of 8 eggs; 5 eggs are broken. How many are whole?", "43" },
	{ "Mia reads 15 pages a day. A book has 270 pages. How many days does she need?",
	  "18" },
	{ "A farmer sells 24 melons at 2.50 each and pays 18 for the stall. What is left?",
	  "42" },
	{ "Tom is twice as old as Ada. In 6 years they are 48 together. How old is Ada now?",
	  "12" },
	{ "A tank loses 3 litres an hour and gets 5. It held 40. How much is in it after 7 "
	  "hours?",
	  "54" },
	{ "Which gas do people breathe out more of than they breathe in?\nA. Oxygen\nB. Carbon "
	  "dioxide\nC. Neon\nD. Helium\n" LETTER,
	  "B" },
	{ "What does a thermometer measure?\nA. Pressure\nB. Speed\nC. Temperature\nD. "
	  "Mass\n" LETTER,
	  "C" },
	{ "Which organ pumps blood?\nA. Heart\nB. Liver\nC. Lung\nD. Kidney\n" LETTER, "A" },
	{ "A price rises when supply falls and demand\nA. vanishes\nB. stays the same\nC. "
	  "falls to "
	  "zero\nD. is satisfied\n" LETTER,
	  "B" },
	{ "Which data structure gives back first what was put in last?\nA. queue\nB. heap\nC. "
	  "tree\nD. stack\n" LETTER,
	  "D" },
	{ "The derivative of x^3 is\nA. x^2\nB. 3x\nC. 3x^2\nD. x^4/4\n" LETTER, "C" },
	{ "Which particle has no electric charge?\nA. neutron\nB. proton\nC. electron\nD. "
	  "positron\n" LETTER,
	  "A" },
	{ "In law, who bears the burden of proof in a criminal trial?\nA. the accused\nB. the "
	  "prosecution\nC. the jury\nD. the witness\n" LETTER,
	  "B" },
	{ "What is the remainder of 7 to the power of 20 divided by 5?", "1" },
	{ "Find the sum of all positive divisors of 28.", "56" },
	{ "How many ways are there to choose 3 of 9 books?", "84" },
	{ "Solve 3x - 7 = 2x + 11 for x.", "18" },
	{ "What is the sum of the whole numbers from 1 to 60?", "1830" },
	{ "The sides of a right triangle next to the right angle are 20 and 21. How long is "
	  "the "
	  "third?",
	  "29" },
	{ "How many zeros are at the end of 30 factorial?", "7" },
	{ "What is the determinant of the matrix with rows (4, 7) and (2, 6)?", "10" },
	{ "Evaluate the integral of 6x^2 from 0 to 3.", "54" },
	{ "In how many ways can the letters of LEVEL be arranged?", "30" },
};

const size_t calibrate_n_questions = LEN(calibrate_questions);
